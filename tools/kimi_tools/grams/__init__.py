"""Which files can hold a text at all, so that rg need not open the others.

Each file's content has a signature: a bitmap of its hashed four-byte pieces in lower case (a Bloom filter with one
hash). A file whose signature lacks a piece of a literal that every match must hold cannot match; all others are
candidates, and rg alone says what matches. Importing this package imports nothing: a worker starts with it.
"""
