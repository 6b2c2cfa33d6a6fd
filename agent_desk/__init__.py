"""The web side of press2: pages, their JSON, their scripts.

It is handed plain values and functions to ask; it reads no settings and knows no channel.
"""
