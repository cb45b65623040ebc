;; definitions
(call target: (identifier) @_keyword (arguments (alias) @name)
  (#any-of? @_keyword "defmodule" "defprotocol")) @module
(call target: (identifier) @_keyword (arguments (alias) @name)
  (#eq? @_keyword "defimpl")) @scope
(call target: (identifier) @_keyword (arguments [
    (identifier) @name
    (call target: (identifier) @name)
    (binary_operator left: (call target: (identifier) @name) operator: "when")])
  (#any-of? @_keyword "def" "defp" "defdelegate" "defguard" "defguardp" "defn" "defnp")) @function
(call target: (identifier) @_keyword (arguments [
    (call target: (identifier) @name)
    (binary_operator left: (call target: (identifier) @name) operator: "when")])
  (#any-of? @_keyword "defmacro" "defmacrop")) @macro

;; references
[(identifier) (alias)] @use
(call target: [(identifier) @call (dot right: (identifier) @call)])
