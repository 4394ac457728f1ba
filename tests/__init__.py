"""The tests, as packages: a fixture of a package ends with it, and two test modules may have one name."""
