# SPDX-License-Identifier: LGPL-2.1-or-later
"""What --json prints while a job runs, against the schema that is installed with the client."""

import json
import pathlib

import jsonschema

SCHEMA = pathlib.Path(__file__).resolve().parents[3] / 'client/virt-bootstrap-events.schema.json'


def _closed(schema):
    """@schema without keys that it does not name: what we print is documented."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if schema.get('type') == 'object':
        closed['additionalProperties'] = False
    return closed


def _validators():
    schema = json.loads(SCHEMA.read_text(encoding='utf-8'))
    jsonschema.Draft202012Validator.check_schema(schema)
    definitions = _closed(schema['$defs'])
    return {one['$ref'].rpartition('/')[2]:
            jsonschema.Draft202012Validator({**one, '$defs': definitions}) for one in schema['oneOf']}


VALIDATORS = _validators()


def _events(text):
    for line in text.splitlines():
        try:
            one = json.loads(line)
        except ValueError:
            continue
        if isinstance(one, dict) and 'event' in one:
            yield one


def check(text):
    """Validates each event among the lines of @text; returns how many there were."""
    count = 0
    for one in _events(text):
        assert one['event'] in VALIDATORS, one
        VALIDATORS[one['event']].validate(one)
        count += 1
    return count
