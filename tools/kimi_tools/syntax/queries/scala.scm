;; definitions
(class_definition name: (identifier) @name) @class
(object_definition name: (identifier) @name) @object
(trait_definition name: (identifier) @name) @trait
(enum_definition name: (identifier) @name) @enum
(simple_enum_case name: (identifier) @name) @constant
(full_enum_case name: (identifier) @name) @constant
(function_definition name: (identifier) @name) @function
(function_declaration name: (identifier) @name) @function
(type_definition name: (type_identifier) @name) @type
(given_definition name: (identifier) @name) @variable
(template_body (val_definition pattern: (identifier) @name) @field)
(template_body (var_definition pattern: (identifier) @name) @field)
(compilation_unit (val_definition pattern: (identifier) @name) @variable)

;; references
[(identifier) (type_identifier)] @use
(call_expression function: [(identifier) @call (field_expression field: (identifier) @call)
  (generic_function function: (identifier) @call)])
(instance_expression (type_identifier) @call)
(import_declaration path: (identifier) @import .)
(import_declaration (namespace_selectors (identifier) @import))
(extends_clause type: [(type_identifier) @inherit (generic_type type: (type_identifier) @inherit)])
