;; definitions
(function_item name: (identifier) @name) @function
(function_signature_item name: (identifier) @name) @function
(struct_item name: (type_identifier) @name) @struct
(union_item name: (type_identifier) @name) @struct
(enum_item name: (type_identifier) @name) @enum
(enum_variant name: (identifier) @name) @constant
(trait_item name: (type_identifier) @name) @trait
(type_item name: (type_identifier) @name) @type
(associated_type name: (type_identifier) @name) @type
(mod_item name: (identifier) @name) @module
(macro_definition name: (identifier) @name) @macro
(const_item name: (identifier) @name) @constant
(static_item name: (identifier) @name) @variable
(field_declaration name: (field_identifier) @name) @field
(impl_item type: [(type_identifier) @name (generic_type type: (type_identifier) @name)
  (scoped_type_identifier name: (type_identifier) @name)]) @scope

;; references
[(identifier) (field_identifier) (type_identifier) (shorthand_field_identifier)] @use
(call_expression function: [
  (identifier) @call
  (field_expression field: (field_identifier) @call)
  (scoped_identifier name: (identifier) @call)
  (generic_function function: (identifier) @call)
  (generic_function function: (scoped_identifier name: (identifier) @call))])
(macro_invocation macro: (identifier) @call)
(struct_expression name: (type_identifier) @call)
(use_declaration argument: [(identifier) @import (scoped_identifier name: (identifier) @import)])
(use_list [(identifier) @import (scoped_identifier name: (identifier) @import)])
(impl_item trait: (type_identifier) @inherit)
