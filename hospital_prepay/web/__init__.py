"""Pages for people. Each module holds the blueprint of one part of the site."""
