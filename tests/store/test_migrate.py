"""The migrations end at the one schema, on both engines, and need nothing but the installed package."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from store import migrate
from store.engine import database_url
from store.migrate import take_steps, upgrade
from store.open import Store, open_store
from store.schema import metadata
from store.settings import StoreSettings
from store.views import NAMES
from store.writing import write_connection
from tests.conftest import Clock
from tests.rigs.postgres import Postgres


def shape(connection: Connection) -> dict[str, Any]:
    """Everything that the database says of its tables."""
    seen = inspect(connection)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], str(column["default"]))
                for column in seen.get_columns(table)
            ],
            "key": seen.get_pk_constraint(table),
            "foreign": seen.get_foreign_keys(table),
            "unique": sorted(map(str, seen.get_unique_constraints(table))),
            "indexes": sorted((it["name"], it["column_names"], bool(it["unique"])) for it in seen.get_indexes(table)),
        }
        for table in seen.get_table_names()
        if table != "schema_version"
    }


def difference(connection: Connection) -> list[Any]:
    """What Alembic would still change."""
    return compare_metadata(MigrationContext.configure(connection), metadata)


def test_the_names_of_the_files_are_the_steps() -> None:
    """What is known without Alembic is what Alembic finds: one chain, each file named by its step."""
    config = Config()
    config.set_main_option("script_location", "store:migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert set(migrate._known()) == {step.revision for step in scripts.walk_revisions()}
    assert migrate.newest() == scripts.get_current_head()


def test_a_store_that_needs_no_step_is_opened_without_alembic(tmp_path: Path) -> None:
    """Alembic costs a start more than all the rest of the store."""
    engine = create_engine(f"sqlite:///{tmp_path}/homing.db")
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()
    look = (
        "import sys, sqlalchemy, store.migrate\n"
        f"engine = sqlalchemy.create_engine('sqlite:///{tmp_path}/homing.db')\n"
        "with engine.begin() as connection:\n    store.migrate.upgrade(connection)\n"
        "print('alembic' in sys.modules)\n"
    )
    done = subprocess.run((sys.executable, "-c", look), capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_sqlite_ends_at_the_schema(tmp_path: Path) -> None:
    """A SQLite file made by the migrations and one made from the tables do not differ."""
    migrated = create_engine(f"sqlite:///{tmp_path}/migrated.db")
    made = create_engine(f"sqlite:///{tmp_path}/made.db")
    metadata.create_all(made)
    with migrated.begin() as connection:
        take_steps(connection)
        assert [it for it in difference(connection) if "schema_version" not in str(it)] == []
        steps = shape(connection)
    with made.connect() as connection:
        assert steps == shape(connection)
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
    with migrated.connect() as one, made.connect() as other:
        assert one.exec_driver_sql(sql).all() == other.exec_driver_sql(sql).all()
    migrated.dispose()
    made.dispose()


async def test_postgresql_ends_at_the_schema(postgres: Postgres) -> None:
    """A database of PostgreSQL made by the migrations and one made from the tables do not differ."""
    names = postgres.empty(), postgres.empty()
    shapes = []
    for name, make in zip(names, (take_steps, metadata.create_all), strict=True):
        connection = write_connection(database_url(postgres.url(name)))
        await connection.run(make)
        shapes.append(await connection.run(shape))
        found = await connection.run(difference)
        assert [it for it in found if "schema_version" not in str(it)] == []
        indexes = "SELECT indexdef FROM pg_indexes WHERE indexname NOT LIKE 'schema%' ORDER BY indexname"
        shapes[-1]["sql"] = [
            line
            for line in postgres.sql(name, f"{indexes}").splitlines()
            if line.startswith("CREATE") and "schema_version" not in line
        ]
        await connection.close()
        postgres.drop(name)
    assert shapes[0] == shapes[1]


async def test_again_is_nothing(store: Store) -> None:
    """An upgrade of a store that is up to date changes nothing, and all views are there."""
    await store._connection.run(upgrade)

    def views(connection: Connection) -> set[str]:
        return set(inspect(connection).get_view_names())

    assert await store._connection.run(views) == set(NAMES)


_CREDENTIAL_OF_0001 = text(
    "INSERT INTO credential (name, user_name, secret_hash, created_at) VALUES ('app', 'app-x', :hash, 1)"
)


def store_of_0001(connection: Connection) -> None:
    """Make what the first schema had, with a credential in it."""
    take_steps(connection, "0001")
    connection.exec_driver_sql("CREATE VIEW suppressions AS SELECT address FROM suppression")  # views were others then
    connection.execute(_CREDENTIAL_OF_0001, {"hash": hashlib.sha256(b"secret").digest()})


async def test_credentials_of_the_first_schema_live_on(tmp_path: Path, postgres: Postgres, clock: Clock) -> None:
    """A store of the first schema is brought up; its credentials have no limit. SQLite's file is copied first."""
    name = postgres.empty()
    for url in (f"sqlite:///{tmp_path}/homing.db", postgres.url(name)):
        before = write_connection(database_url(url))
        await before.run(store_of_0001)
        await before.close()
        settings = StoreSettings(url=url, contents=tmp_path / "contents", reserve=0)
        store = await open_store(settings, clock=clock, node_name="test", serving=True)
        found = await store.credentials.check("app-x", "secret", "192.0.2.1")
        assert found is not None
        assert (found.name, found.rate, found.network_login) == ("app", 0, False)
        await store.close()
    postgres.drop(name)
    assert (tmp_path / "homing.db.before-0011").exists()


def test_an_empty_store_gets_what_the_steps_end_at(tmp_path: Path) -> None:
    """Also the table that says which schema it is: steps to come find it."""
    made = create_engine(f"sqlite:///{tmp_path}/made.db")
    stepped = create_engine(f"sqlite:///{tmp_path}/stepped.db")
    version = "SELECT sql FROM sqlite_master WHERE name = 'schema_version'"
    found = []
    for engine, make in ((made, upgrade), (stepped, take_steps)):
        with engine.begin() as connection:
            make(connection)
            table = connection.exec_driver_sql(version).scalar_one()
            found.append((migrate.current(connection), "".join(table.split())))
        engine.dispose()
    assert found[0] == found[1]


def test_without_a_step_alembic_is_not_loaded(tmp_path: Path) -> None:
    """A tenth of the program's memory, and of the time of its start."""
    program = (
        "import sys; from sqlalchemy import create_engine; from store.migrate import upgrade\n"
        f"engine = create_engine('sqlite:///{tmp_path}/homing.db')\n"
        "for _ in range(2):\n    with engine.begin() as connection: upgrade(connection)\n"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_packaged() -> None:
    """The steps are found from the installed package, without an alembic.ini."""
    assert migrate.newest() == "0011"


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_space_can_be_given_back(store: Store) -> None:
    """A new SQLite file is made so that its free pages can be given back."""
    assert await store._connection.run(lambda c: c.exec_driver_sql("PRAGMA auto_vacuum").scalar()) == 2


def test_a_new_store_has_all_tables_whoever_makes_it() -> None:
    """Nothing but the migration is imported, and the tables of all modules are there."""
    look = "import store.migrate as m; print(sorted(t for t in m.metadata.tables if t.startswith('webhook')))"
    done = subprocess.run((sys.executable, "-c", look), capture_output=True, text=True, check=True)
    assert "'webhook_call'" in done.stdout
