;; definitions
(module_definition name: (identifier) @name) @module
(struct_definition (type_head [(identifier) @name (binary_expression . (identifier) @name)
  (parametrized_type_expression . (identifier) @name)])) @struct
(abstract_definition (type_head [(identifier) @name (binary_expression . (identifier) @name)])) @type
(function_definition (signature [
  (call_expression . (_) @name)
  (typed_expression (call_expression . (_) @name))
  (where_expression (call_expression . (_) @name))
  (where_expression (typed_expression (call_expression . (_) @name)))])) @function
(assignment . [
  (call_expression . (identifier) @name)
  (typed_expression (call_expression . (identifier) @name))
  (where_expression (call_expression . (identifier) @name))
  (where_expression (typed_expression (call_expression . (identifier) @name)))]) @function
(macro_definition (signature (call_expression . (identifier) @name))) @macro
(const_statement (assignment . (identifier) @name)) @constant

;; references
(identifier) @use
(call_expression . [(identifier) @call (field_expression (identifier) @call .)])
