;; definitions
(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(class_declaration name: (identifier) @name) @class
(method_definition name: (_) @name) @method
(field_definition property: (_) @name) @field
(program [
  (lexical_declaration (variable_declarator name: (identifier) @name) @variable)
  (variable_declaration (variable_declarator name: (identifier) @name) @variable)
  (export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @variable))])
(variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression) (generator_function)]) @function
(variable_declarator name: (identifier) @name value: (class)) @class
(assignment_expression left: (member_expression) @name right: [(arrow_function) (function_expression)]) @function
(pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @method

;; references
[(identifier) (property_identifier) (shorthand_property_identifier) (shorthand_property_identifier_pattern)
 (private_property_identifier)] @use
(call_expression function: [(identifier) @call (member_expression property: (_) @call)])
(new_expression constructor: [(identifier) @call (member_expression property: (_) @call)])
(jsx_opening_element name: (identifier) @call)
(jsx_self_closing_element name: (identifier) @call)
(import_specifier name: (identifier) @import)
(import_clause (identifier) @import)
(export_specifier name: (identifier) @import)
(class_heritage [(identifier) @inherit (member_expression property: (_) @inherit)])
