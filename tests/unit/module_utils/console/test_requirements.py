# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a console lacks of what is needed: all of it at once, each with the option that names something else."""

from __future__ import annotations

import pytest

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.requirements import (
    NUMBER,
    TEXT,
    NeededField,
    NeededType,
    unmet,
)

STATUS = "MRG-Model:Status"


def model(*fields):
    return NeededType("Model", "model_type", fields)


def test_a_console_that_has_everything_lacks_nothing_and_is_asked_once(client, console):
    needed = [
        model(NeededField("Integration:External ID", "arn", TEXT), NeededField(STATUS, "status", values=("Proposed",))),
        NeededType(None, "group_type", (NeededField("Integration:External ID", "arn", TEXT),)),
        NeededType("Register", "use_case_type"),
    ]
    assert unmet(client, needed) == unmet(client, needed) == ()
    assert console.calls() == {"POST token": 1, "GET types": 3}


@pytest.mark.parametrize(
    ("needed", "sentence"),
    [
        (NeededType("Modl", "m"), 'The console has no type "Modl". Similar: Model'),
        (
            model(NeededField("MRG-Model:Statu", "f")),
            'type Model has no field "MRG-Model:Statu". Similar: MRG-Model:Status',
        ),
        (
            model(NeededField(STATUS, "f", TEXT)),
            "is of the data type ENUM_TYPE: it has to be a writable LARGE_STRING_TYPE or MEDIUM_STRING_TYPE or",
        ),
        (model(NeededField("Location", "f", TEXT)), "is read-only: it has to be a writable"),
        (model(NeededField(STATUS, "f", values=("Proposed", "Gone", "Lost"))), "has no value Gone and Lost"),
        (model(NeededField("Integration:External ID", "f", NUMBER)), "a writable DECIMAL_TYPE or FLOAT_TYPE (f)"),
        (model(NeededField("Integration:External ID", "f", values=("A",))), "has no value A"),
    ],
)
def test_each_thing_that_is_lacking(needed, sentence, client):
    (told,) = unmet(client, [needed])
    assert sentence in told
    assert told.endswith("(m)." if not needed.fields else "(f).")


def test_all_of_it_is_told_and_nothing_twice(console, make_client):
    console.switch(model_group_type=None)
    field = NeededField("No:Field", "arn")
    needed = [model(field, NeededField("Nor:This", "state")), NeededType(None, "group_type"), model(field)]
    told = unmet(make_client(), needed)
    assert [sentence.rpartition(" (")[2] for sentence in told] == ["arn).", "state).", "group_type)."]
