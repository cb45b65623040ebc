;; definitions
(class_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @interface
(annotation_type_declaration name: (identifier) @name) @interface
(enum_declaration name: (identifier) @name) @enum
(enum_constant name: (identifier) @name) @constant
(record_declaration name: (identifier) @name) @record
(method_declaration name: (identifier) @name) @method
(annotation_type_element_declaration name: (identifier) @name) @method
(constructor_declaration name: (identifier) @name) @constructor
(field_declaration declarator: (variable_declarator name: (identifier) @name)) @field
(constant_declaration declarator: (variable_declarator name: (identifier) @name)) @constant

;; references
[(identifier) (type_identifier)] @use
(method_invocation name: (identifier) @call)
(method_reference (identifier) @call .)
(object_creation_expression type: [(type_identifier) @call (generic_type (type_identifier) @call)
  (scoped_type_identifier (type_identifier) @call .)])
(marker_annotation name: (identifier) @call)
(annotation name: (identifier) @call)
(import_declaration [(identifier) @import (scoped_identifier name: (identifier) @import)])
(superclass [(type_identifier) @inherit (generic_type (type_identifier) @inherit)])
(type_list [(type_identifier) @inherit (generic_type (type_identifier) @inherit)])
