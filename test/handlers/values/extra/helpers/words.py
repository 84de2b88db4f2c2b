WORDS = {"x": "from the package"}
