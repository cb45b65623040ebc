;; definitions
(rule_set (selectors) @name) @rule
(keyframes_statement (keyframes_name) @name) @rule
(declaration (property_name) @name (#match? @name "^--")) @variable

;; references
[(class_name) (id_name) (property_name)] @use
