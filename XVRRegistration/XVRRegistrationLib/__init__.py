"""Parts of the module XVRRegistration: scene work takes nodes and returns nodes, all mathematics is in xvrcore."""
