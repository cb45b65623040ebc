;; definitions
(function_declaration name: (identifier) @name) @function
(variable_declaration . (identifier) @name (struct_declaration)) @struct
(variable_declaration . (identifier) @name (enum_declaration)) @enum
(variable_declaration . (identifier) @name (union_declaration)) @struct
(source_file (variable_declaration . (identifier) @name) @variable)
(struct_declaration (variable_declaration . (identifier) @name) @variable)
(container_field name: (identifier) @name) @field
(test_declaration (string (string_content) @name)) @test

;; references
(identifier) @use
(call_expression function: [(identifier) @call (field_expression member: (identifier) @call)])
