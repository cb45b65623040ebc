;; definitions
(function_declaration name: [(identifier) (dot_index_expression) (method_index_expression)] @name) @function
(assignment_statement
  (variable_list . name: [(identifier) (dot_index_expression)] @name)
  (expression_list . value: (function_definition))) @function
(table_constructor (field name: (identifier) @name value: (function_definition)) @function)
(chunk (variable_declaration (assignment_statement (variable_list . name: (identifier) @name))) @variable)
(chunk (assignment_statement (variable_list . name: (identifier) @name)) @variable)

;; references
(identifier) @use
(function_call name: [(identifier) @call (dot_index_expression field: (identifier) @call)
  (method_index_expression method: (identifier) @call)])
