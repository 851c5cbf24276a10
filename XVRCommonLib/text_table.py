"""A table of texts in a panel, touched only when they change."""

import qt


class TextTable:
    """Shows rows of texts in a ``QTableWidget``; the columns of ``editable`` alone can be typed into.

    While ``filling``, what the widget signals is not the user's doing.
    """

    def __init__(self, widget, headings, editable=()):
        self.widget, self.columns, self.editable, self.filling = widget, len(headings), editable, False
        widget.setColumnCount(self.columns)
        widget.setHorizontalHeaderLabels(headings)
        header = widget.horizontalHeader()
        for column in range(self.columns - 1):
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(self.columns - 1, qt.QHeaderView.Stretch)
        widget.verticalHeader().setVisible(False)

    def show(self, rows):
        """Make these tuples the table's rows; whether anything has changed."""
        if rows == [tuple(self.text(r, c) for c in range(self.columns)) for r in range(self.widget.rowCount)]:
            return False
        self.filling = True
        self.widget.setRowCount(len(rows))
        for r, row in enumerate(rows):
            for c, text in enumerate(row):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(text)
                if c not in self.editable:
                    item.setFlags(qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled)
                self.widget.setItem(r, c, item)
        self.filling = False
        return True

    def select(self, row):
        """Make this row the current one; -1 for none."""
        if row != self.widget.currentRow():
            self.filling = True
            self.widget.setCurrentCell(row, 0)
            self.filling = False

    def text(self, row, column):
        return self.widget.item(row, column).text()
