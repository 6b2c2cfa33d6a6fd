"""Services: what is true about accounts, readings, callers. Plain functions: Inquiry -> Result.

A service decides; a flow says. Each is registered under the name flows use ("readings.check") with
every outcome it can return, so that the check of flows can compare. Services may use the store
through `inquiry.db` (one transaction a call of a service) and nothing of a channel. They are
repeatable: the same inquiry key stores nothing twice.
"""

from ivr.services import (
    accounts,
    applications,
    appointments,
    callbacks,
    callers,
    danger,
    messages,
    offices,
    outages,
    priority,
    queues,
    readings,
    requests,
    restoration,
    schedules,
    storms,
    subscriptions,
    surveys,
    utterances,
)
from ivr.services.inquiry import SERVICES, Inquiry, Service

__all__ = [
    "Inquiry",
    "SERVICES",
    "Service",
    "accounts",
    "applications",
    "appointments",
    "callbacks",
    "callers",
    "danger",
    "messages",
    "offices",
    "outages",
    "priority",
    "queues",
    "readings",
    "requests",
    "restoration",
    "storms",
    "schedules",
    "subscriptions",
    "surveys",
    "utterances",
]
