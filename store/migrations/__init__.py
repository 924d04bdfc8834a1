"""The steps from an older schema to the one of ``store/schema.py``; ``store/migrate.py`` takes them."""
