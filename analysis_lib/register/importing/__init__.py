"""Convert source files, in the shape of DREAM, into an extract: in bounded memory, resumable, whole or not at all.

plan      which files make up which table; the columns held against the declarations (`headers`)
people    the persons: read whole, sorted, and found by their id
chunks    a file's chunks, with the columns that the folders above it give
reading   the other files, chunk by chunk
convert   a chunk of weeks, months or events turned into rows of the extract (`cells`, `series`)
faults    what is wrong in the cells: counted, with the first places of each kind
staging   the folder beside the extract in which an interrupted import waits
checks    nobody twice, nobody without weeks
assembly  the extract put together
run       the import
"""
