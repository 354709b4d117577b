"""From what a person wrote to a recipe: everything that is wrong is said here, all at once."""
