"""Asking a language server what a name means: the semantic tier of references and renames.

A server is started when it is first asked and ended when it has been idle. Where none is installed for a
language, or it does not answer in time, the caller goes on with what the syntax says.
"""

from kimi_tools.lsp.semantic import Answer, references
from kimi_tools.lsp.session import Question

__all__ = ["Answer", "Question", "references"]
