;; definitions
(class_definition name: (identifier) @name) @class
(mixin_declaration (identifier) @name) @class
(extension_declaration name: (identifier) @name) @class
(enum_declaration name: (identifier) @name) @enum
(enum_constant name: (identifier) @name) @constant
(function_signature name: (identifier) @name) @function
((function_signature name: (identifier) @name) @function . (function_body) @end)
((method_signature (function_signature name: (identifier) @name)) @function . (function_body) @end)
(getter_signature name: (identifier) @name) @property
((method_signature (getter_signature name: (identifier) @name)) @property . (function_body) @end)
(setter_signature name: (identifier) @name) @property
((method_signature (setter_signature name: (identifier) @name)) @property . (function_body) @end)
(constructor_signature name: (identifier) @name) @constructor
((method_signature (constructor_signature name: (identifier) @name)) @constructor . (function_body) @end)
(declaration (initialized_identifier_list (initialized_identifier (identifier) @name))) @field
(type_alias . (type_identifier) @name) @type

;; references
[(identifier) (type_identifier)] @use
((identifier) @call . (selector (argument_part)))
((selector (unconditional_assignable_selector (identifier) @call)) . (selector (argument_part)))
(superclass (type_identifier) @inherit)
