"""Makes the parts of the documentation that the source itself says: settings, commands, results, messages, words.

A page has a line ``<!-- generated: NAME -->`` where such a part belongs; ``mkdocs`` puts it in when the site is built
(``hook.py``), so that no page can say what the source does not.
"""
