"""The same two networks in other frameworks, each as its own documentation has it; a process each.

They import no other part of this project but what tells them what to do, so that none pays for another. `this_project`
is the one that trains with it.
"""
