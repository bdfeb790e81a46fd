# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of the emulated API."""

from __future__ import annotations


class ApiError(Exception):
    """A request that is answered with an error status.

    The body is ``{"message": …}``: no real error body is public, so its shape is an invention.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request(message: str) -> ApiError:
    """Return the error for a request that the console does not take."""
    return ApiError(400, message)


def not_found(what: str) -> ApiError:
    """Return the error for something that is not there."""
    return ApiError(404, f"{what} not found")
