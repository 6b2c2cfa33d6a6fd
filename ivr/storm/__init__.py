"""Storm mode: many more calls than operators. Proposed by figures, switched by a person.

`rules` decides and is pure; `records` keeps the one live row of a company and writes who did what;
`watch` measures and proposes; `figures` counts what became of the callers; `after` lists whom the
storm left without an answer. Whoever needs to know whether it is on asks `records.rules_now`.
"""
