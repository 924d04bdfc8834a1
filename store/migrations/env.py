"""What Alembic runs for each of its commands: the steps, on the connection that ``store/migrate.py`` hands over."""

from alembic import context

from store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="schema_version",
    transaction_per_migration=False,
)
# The transaction belongs to store/migrate.py: all steps and the views, or nothing.
context.run_migrations()
