;; definitions
(data_type name: (name) @name) @type
(newtype name: (name) @name) @type
(type_synonym name: (name) @name) @type
(class name: (name) @name) @class
(class_declarations (signature name: (variable) @name) @method)
(data_constructor constructor: (_ name: (constructor) @name)) @constructor
(declarations (function name: (variable) @name) @function)
(declarations (bind name: (variable) @name) @variable)

;; references
[(variable) (constructor) (name)] @use
(apply function: [(variable) (constructor)] @call)
(import_name [(variable) (name)] @import)
