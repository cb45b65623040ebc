;; definitions
(class_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @interface
(enum_declaration name: (identifier) @name) @enum
(method_declaration name: (identifier) @name) @method
(constructor_declaration name: (identifier) @name) @constructor
(function_definition name: (identifier) @name) @function
(field_declaration declarator: (variable_declarator name: (identifier) @name)) @field

;; references
[(identifier) (type_identifier)] @use
(method_invocation name: (identifier) @call)
(juxt_function_call name: (identifier) @call)
(import_declaration (scoped_identifier name: (identifier) @import))
(superclass (type_identifier) @inherit)
