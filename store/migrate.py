"""
Brings a store to the schema of this program: forward only, in one transaction, views included.

An existing SQLite file is copied before it is touched. A store that is newer than the program is refused. An empty one
gets the tables of ``store/schema.py`` at once, which the steps end at. Alembic, a tenth of the program's memory, is
loaded only where there is a step to take.
"""

import importlib
import re
import shutil
import sqlite3
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, inspect, text

from store.errors import StoreMismatch, StoreUnavailable
from store.schema import metadata
from store.views import create_views, drop_views
from store.webhook_schema import webhook

_VERSION_TABLE = "schema_version"
_LOCK_SCHEMA = text("SELECT pg_advisory_xact_lock(7205759403794)")
_VERSION = text(f"SELECT version_num FROM {_VERSION_TABLE}")  # noqa: S608 - our own name
# As Alembic makes it.
_MAKE_VERSION_TABLE = text(
    f"CREATE TABLE {_VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
    f"CONSTRAINT {_VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
)
_SET_VERSION = text(f"INSERT INTO {_VERSION_TABLE} (version_num) VALUES (:version)")  # noqa: S608 - our own name
_STEP = re.compile(r"v([0-9]{4})_[a-z0-9_]+\.py")


@cache
def _known() -> tuple[str, ...]:
    """List the schemas that steps of this program lead to, in order."""
    files = (resources.files("store") / "migrations" / "versions").iterdir()
    return tuple(sorted(match[1] for file in files if (match := _STEP.fullmatch(file.name))))


def newest() -> str:
    """Name the schema of this program."""
    return _known()[-1]


def current(connection: Connection) -> str | None:
    """Name the schema of a store; None for an empty one."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    return cast("str | None", connection.execute(_VERSION).scalar())


def upgrade(connection: Connection) -> None:
    """Take the steps that are missing, within the transaction of ``connection``."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK_SCHEMA)  # another node may start at the same time
    version = current(connection)
    if version == newest():
        return
    _refuse_newer(version)
    if version is None:
        assert webhook.metadata is metadata  # its tables are in it once it is imported
        metadata.create_all(connection)
        connection.execute(_MAKE_VERSION_TABLE)
        connection.execute(_SET_VERSION, {"version": newest()})
    else:
        drop_views(connection)
        take_steps(connection)
    create_views(connection)


def take_steps(connection: Connection, to: str = "head") -> None:
    """Take Alembic's steps, up to one or to the last."""
    config: Any = importlib.import_module("alembic.config").Config()
    config.set_main_option("script_location", "store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    importlib.import_module("alembic.command").upgrade(config, to)


def check(connection: Connection) -> None:
    """Refuse a store whose schema is another than this program's, in one plain sentence."""
    version = current(connection)
    if version is None:
        raise StoreMismatch("the store is empty: start the relay once, it makes the tables")
    if version != newest():
        _refuse_newer(version)
        raise StoreMismatch(
            f"the store has schema {version} and this program {newest()}: restart the relay, it brings the store up"
        )


def _refuse_newer(version: str | None) -> None:
    if version is not None and version not in _known():
        raise StoreMismatch(
            f"the store has schema {version}, which this program does not know: it was written by a newer Homing. "
            "Install that version again, or bring back the copy made before the upgrade"
        )


def copy_before_upgrade(file: Path, engine: Engine) -> Path | None:
    """Copy a SQLite store that is about to change, beside it. None: it is empty, or needs no step."""
    if not file.exists():
        return None
    with engine.connect() as connection:
        version = current(connection)
        connection.rollback()
    if version is None or version == newest():
        return None
    copy = file.with_name(f"{file.name}.before-{newest()}")
    free = shutil.disk_usage(file.parent).free
    if free < 2 * file.stat().st_size:
        raise StoreUnavailable(
            f"no room for a copy of {file} before its upgrade: {free // 1024**2} MiB left", full=True
        )
    # The backup interface of SQLite takes what is still in the write-ahead log along; a copy of the file would not.
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    return copy
