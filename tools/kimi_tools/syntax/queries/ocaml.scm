;; definitions
(module_definition (module_binding (module_name) @name)) @module
(module_type_definition (module_type_name) @name) @interface
(class_definition (class_binding (class_name) @name)) @class
(method_definition (method_name) @name) @method
(type_definition . (type_binding name: (type_constructor) @name)) @type
(type_definition (type_binding) (type_binding name: (type_constructor) @name) @type)
(constructor_declaration (constructor_name) @name) @constructor
(exception_definition (constructor_declaration (constructor_name) @name)) @exception
(external (value_name) @name) @function
(value_specification (value_name) @name) @function
(compilation_unit (value_definition (let_binding pattern: (value_name) @name (parameter)) @function))
(structure (value_definition (let_binding pattern: (value_name) @name (parameter)) @function))
(compilation_unit (value_definition (let_binding pattern: (value_name) @name) @variable))
(structure (value_definition (let_binding pattern: (value_name) @name) @variable))

;; references
[(value_name) (module_name) (type_constructor) (constructor_name) (class_name) (method_name) (field_name)] @use
(application_expression function: (value_path (value_name) @call))
(method_invocation (method_name) @call)
