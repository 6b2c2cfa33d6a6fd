"""The Twilio channel: the same turns as TwiML over webhooks, operators and call-backs over REST.

A call can be followed here: `webhooks` takes the request, `signature` proves where it comes from,
`hearing` makes it an event, the runner answers with a turn, and `twiml` renders it. Who waits is
held by Twilio; `switch` takes him out for the matchmaker. Nothing outside imports `twilio`.
"""
