"""What a model's code imports: read from its source, and learnt from workers that have loaded it.

An *import* is a text: ``package.module`` for a module, ``package.module:name`` for what ``from
package.module import name`` needs, and with a ``?`` in front where the code goes on without it.
Nothing here imports anything of a model, and nothing here needs torch.
"""
