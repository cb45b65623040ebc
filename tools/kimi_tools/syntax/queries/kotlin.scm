;; definitions
(class_declaration "class" name: (identifier) @name) @class
(class_declaration "interface" name: (identifier) @name) @interface
(object_declaration name: (identifier) @name) @object
(companion_object name: (identifier) @name) @object
(enum_entry (identifier) @name) @constant
(function_declaration name: (identifier) @name) @function
(source_file (property_declaration (variable_declaration (identifier) @name)) @variable)
(class_body (property_declaration (variable_declaration (identifier) @name)) @property)
(class_parameter "val" (identifier) @name) @property
(class_parameter "var" (identifier) @name) @property
(type_alias type: (identifier) @name) @type

;; references
(identifier) @use
(call_expression . [(identifier) @call (navigation_expression (identifier) @call .)])
(constructor_invocation (user_type (identifier) @call))
(import (qualified_identifier (identifier) @import .))
(delegation_specifier [(user_type (identifier) @inherit)
  (constructor_invocation (user_type (identifier) @inherit))])
