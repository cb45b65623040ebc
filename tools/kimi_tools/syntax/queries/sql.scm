;; definitions
(create_table (object_reference name: (identifier) @name)) @table
(create_view (object_reference name: (identifier) @name)) @view
(create_materialized_view (object_reference name: (identifier) @name)) @view
(create_function . (_) . (_) . (object_reference name: (identifier) @name)) @function
(create_type (object_reference name: (identifier) @name)) @type
(create_index column: (identifier) @name) @index
(create_trigger . (_) . (_) . (object_reference name: (identifier) @name)) @trigger

;; references
(object_reference name: (identifier) @use)
(column_definition name: (identifier) @use)
(field name: (identifier) @use)
(invocation (object_reference name: (identifier) @call))
