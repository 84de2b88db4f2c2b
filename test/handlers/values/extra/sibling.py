VALUE = "from the sibling"
