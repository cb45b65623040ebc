;; definitions
(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(function_signature name: (identifier) @name) @function
(class_declaration name: (_) @name) @class
(abstract_class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @interface
(type_alias_declaration name: (_) @name) @type
(enum_declaration name: (_) @name) @enum
(enum_body [(property_identifier) @name @constant (enum_assignment name: (property_identifier) @name) @constant])
(internal_module name: (_) @name) @namespace
(module name: (_) @name) @namespace
(method_definition name: (_) @name) @method
(method_signature name: (_) @name) @method
(abstract_method_signature name: (_) @name) @method
(public_field_definition name: (_) @name) @field
(interface_body (property_signature name: (_) @name) @field)
(program [
  (lexical_declaration (variable_declarator name: (identifier) @name) @variable)
  (variable_declaration (variable_declarator name: (identifier) @name) @variable)
  (export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @variable))
  (ambient_declaration (lexical_declaration (variable_declarator name: (identifier) @name) @variable))
  (export_statement (ambient_declaration (lexical_declaration (variable_declarator name: (identifier) @name) @variable)))])
(variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression) (generator_function)]) @function
(variable_declarator name: (identifier) @name value: (class)) @class
(pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @method

;; references
[(identifier) (property_identifier) (type_identifier) (shorthand_property_identifier)
 (shorthand_property_identifier_pattern) (private_property_identifier)] @use
(call_expression function: [(identifier) @call (member_expression property: (_) @call)])
(new_expression constructor: [(identifier) @call (member_expression property: (_) @call)])
(import_specifier name: (identifier) @import)
(import_clause (identifier) @import)
(export_specifier name: (identifier) @import)
(extends_clause value: (identifier) @inherit)
(implements_clause (type_identifier) @inherit)
(extends_type_clause type: (type_identifier) @inherit)
