"""What is deleted: by age (`retention`), and of one customer everywhere (`customer`).

`inventory` says of every column that holds text what becomes of it; a test holds it to the tables.
"""
