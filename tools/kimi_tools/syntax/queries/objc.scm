;; definitions
(class_interface . (identifier) @name) @interface
(class_implementation . (identifier) @name) @class
(protocol_declaration . (identifier) @name) @protocol
(method_declaration (method_type) . (identifier) @name) @declaration
(method_definition (method_type) . (identifier) @name) @method
(property_declaration (struct_declaration (struct_declarator (identifier) @name))) @property
(property_declaration (struct_declaration (struct_declarator (pointer_declarator declarator: (identifier) @name)))) @property
(function_definition declarator: (function_declarator declarator: (identifier) @name)) @function
(function_definition declarator: (pointer_declarator
  declarator: (function_declarator declarator: (identifier) @name))) @function
(struct_specifier name: (type_identifier) @name body: (_)) @struct
(enum_specifier name: (type_identifier) @name body: (_)) @enum
(type_definition declarator: (type_identifier) @name) @type
(preproc_def name: (identifier) @name) @macro
(preproc_function_def name: (identifier) @name) @macro

;; references
[(identifier) (field_identifier) (type_identifier)] @use
(call_expression function: (identifier) @call)
(message_expression method: (identifier) @call)
