;; definitions
(class_declaration "class" name: (type_identifier) @name) @class
(class_declaration "actor" name: (type_identifier) @name) @class
(class_declaration "struct" name: (type_identifier) @name) @struct
(class_declaration "enum" name: (type_identifier) @name) @enum
(class_declaration "extension" name: (user_type (type_identifier) @name)) @scope
(enum_entry name: (simple_identifier) @name) @constant
(protocol_declaration name: (type_identifier) @name) @protocol
(function_declaration name: (simple_identifier) @name) @function
(protocol_function_declaration name: (simple_identifier) @name) @method
(init_declaration "init" @name) @constructor
(typealias_declaration name: (type_identifier) @name . "=") @type
(source_file (property_declaration name: (pattern bound_identifier: (simple_identifier) @name)) @variable)
(class_body (property_declaration name: (pattern bound_identifier: (simple_identifier) @name)) @property)

;; references
[(simple_identifier) (type_identifier)] @use
(call_expression . [(simple_identifier) @call (navigation_expression
  suffix: (navigation_suffix suffix: (simple_identifier) @call))])
(import_declaration (identifier (simple_identifier) @import))
(inheritance_specifier (user_type (type_identifier) @inherit))
