"""How a result looks: in a terminal, on a page, as a picture."""
