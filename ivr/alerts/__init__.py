"""Alerts: what goes wrong is told to the supervisors' screens and to a webhook.

    figures, measures --rules--> readings --state--> changes --Watch--> rows, log, outbox

`rules` tells what is wrong at an instant, `state` when it was wrong, or right, for long enough;
both are pure. `Watch` runs them beside the jobs.
"""

from ivr.alerts.watch import Watch as Watch
