"""Quality of talks: the index of recordings, marks in them, scorecards, samples, results.

Plain functions on an open session of the store; nothing here knows a page. What a scorecard asks
for is data of the company (`company.terms.quality`).
"""
