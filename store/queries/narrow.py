"""
Makes conditions of a ``Search``, for lists of recipients and for lists of messages.

What is asked of the other table is a list of ids: each table is then looked through once, by an index where there is
one for it, instead of being looked up row by row.
"""

import json
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, and_, false, literal, or_, select, union

from store.addresses import address_key
from store.ids import first_at
from store.queries.counting import has
from store.queries.page import LARGEST_ID
from store.queries.search import Search
from store.schema import message, recipient
from store.sql import holds, holds_word

Conditions = list[ColumnElement[bool]]


def recipients(search: Search) -> Conditions:
    """Say what must hold for a row of ``recipient``; the table ``message`` is not needed beside it."""
    wanted = _of_recipient(search)
    if about := _of_message(search):
        wanted.append(recipient.c.message_id.in_(select(message.c.id).where(*about, *_since(search, message.c.id))))
    wanted += [_word_in_recipient(word) for word in search.text]
    return [*wanted, *_since(search, recipient.c.id)]


def messages(search: Search) -> Conditions:
    """Say what must hold for a row of ``message``: where recipients are asked for, one of them must fit."""
    wanted = _of_message(search)
    if who := _of_recipient(search):
        who += [_word_in_recipient(word) for word in search.text]
        wanted.append(message.c.id.in_(select(recipient.c.message_id).where(*who, *_since(search, recipient.c.id))))
    else:
        wanted += [_word_in_message(word) for word in search.text]
    return [*wanted, *_since(search, message.c.id)]


def _since(search: Search, id_: ColumnElement[int]) -> Conditions:
    """Ids are ordered by time, and served by the primary keys."""
    wanted: Conditions = []
    if search.since is not None:
        wanted.append(id_ >= _bounded(search.since))
    if search.until is not None:
        wanted.append(id_ < _bounded(search.until))
    return wanted


def _bounded(at: float) -> ColumnElement[int]:
    return literal(min(first_at(at), LARGEST_ID), BigInteger)


def _of_recipient(search: Search) -> Conditions:
    wanted: Conditions = []
    if search.standings:
        wanted.append(or_(*(has(standing) for standing in search.standings)))
    if search.to:
        wanted.append(or_(*(_address_holds(part) for part in search.to)))
    if search.address:
        wanted.append(recipient.c.address_key == address_key(search.address))
    if search.domains:
        wanted.append(recipient.c.domain.in_(search.domains))
    if search.reasons:
        wanted.append(recipient.c.reason.in_([reason.value for reason in search.reasons]))
    if search.message_id is not None:
        wanted.append(recipient.c.message_id == search.message_id)
    return wanted


def _of_message(search: Search) -> Conditions:
    wanted: Conditions = []
    for column, value in (
        (message.c.customer, search.customer),
        (message.c.invoice, search.invoice),
        (message.c.credential, search.credential),
    ):
        if value:
            # The empty string is outside the partial indexes.
            wanted += [column == value, column != ""] if column is not message.c.credential else [column == value]
    wanted += [holds_word(message.c.header_from, search.sender)] if search.sender else []
    wanted += [holds_word(message.c.subject, search.subject)] if search.subject else []
    if search.tags:
        wanted.append(or_(*(holds(message.c.tags, json.dumps(tag, ensure_ascii=False)) for tag in search.tags)))
    if search.kind:
        wanted.append(message.c.invoice != "" if search.kind == "invoices" else message.c.invoice == "")
    return wanted


def _address_holds(part: str, of: FromClause = recipient) -> ColumnElement[bool]:
    """Look in the keys: an index holds them all, so that no row is read. A domain in its own letters is found too."""
    key = address_key(part) if "@" in part else part.casefold()
    written = holds(of.c.address_key, key)
    return written if part.isascii() else or_(written, holds_word(of.c.forward_path, part))


def _word_in_recipient(word: str) -> ColumnElement[bool]:
    """Two looks, each through an index or one table: the keys of addresses, and the texts of messages."""
    who, of = recipient.alias(), recipient.alias()
    texts = select(message.c.id).where(_text_holds(word))
    return or_(
        recipient.c.id.in_(
            union(
                select(who.c.id).where(_address_holds(word, who)),
                select(of.c.id).where(of.c.message_id.in_(texts)),
            )
        ),
        _is(recipient.c.id, word),
    )


def _word_in_message(word: str) -> ColumnElement[bool]:
    who: Select[Any] = select(recipient.c.message_id).where(or_(_address_holds(word), _is(recipient.c.id, word)))
    return or_(_text_holds(word), message.c.id.in_(who))


def _text_holds(word: str) -> ColumnElement[bool]:
    columns = (
        message.c.subject,
        message.c.header_to,
        message.c.customer,
        message.c.invoice,
        message.c.header_message_id,
    )
    return or_(*(holds_word(column, word.strip("<>") or word) for column in columns), _is(message.c.id, word))


def _is(id_: ColumnElement[int], word: str) -> ColumnElement[bool]:
    if word.isascii() and word.isdigit() and len(word) < 20 and int(word) <= LARGEST_ID:
        return and_(id_ == literal(int(word), BigInteger))
    return false()
