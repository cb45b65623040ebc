;; definitions
(module_definition (module_binding (module_name) @name) @module)
(module_type_definition (module_type_name) @name) @interface
(type_definition (type_binding name: (type_constructor) @name) @type)
(constructor_declaration (constructor_name) @name) @constructor
(exception_definition (constructor_declaration (constructor_name) @name)) @exception
(external (value_name) @name) @function
(value_specification (value_name) @name) @function

;; references
[(value_name) (module_name) (type_constructor) (constructor_name) (class_name) (method_name) (field_name)] @use
