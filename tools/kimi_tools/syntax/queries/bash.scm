;; definitions
(function_definition name: (word) @name) @function
(program (variable_assignment name: (variable_name) @name) @variable)
(program (declaration_command (variable_assignment name: (variable_name) @name) @variable))

;; references
(variable_name) @use
(command_name (word) @call)
