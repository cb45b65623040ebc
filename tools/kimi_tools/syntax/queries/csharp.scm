;; definitions
(class_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @interface
(struct_declaration name: (identifier) @name) @struct
(record_declaration name: (identifier) @name) @record
(enum_declaration name: (identifier) @name) @enum
(enum_member_declaration name: (identifier) @name) @constant
(delegate_declaration name: (identifier) @name) @type
(namespace_declaration name: (_) @name) @namespace
(file_scoped_namespace_declaration name: (_) @name) @namespace
(method_declaration name: (identifier) @name) @method
(local_function_statement name: (identifier) @name (#not-any-of? @name "if" "for" "foreach" "while" "switch")) @function
(constructor_declaration name: (identifier) @name) @constructor
(property_declaration name: (identifier) @name) @property
(field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @field
(event_field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @field

;; references
(identifier) @use
(invocation_expression function: [
  (identifier) @call
  (generic_name (identifier) @call)
  (member_access_expression name: [(identifier) @call (generic_name (identifier) @call)])])
(object_creation_expression type: [(identifier) @call (generic_name (identifier) @call)
  (qualified_name name: (identifier) @call)])
(attribute name: (identifier) @call)
(using_directive [(identifier) @import (qualified_name name: (identifier) @import)])
(base_list [(identifier) @inherit (generic_name (identifier) @inherit)])
