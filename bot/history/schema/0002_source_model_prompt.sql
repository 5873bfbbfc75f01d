-- What the model of a remix's source was given instead of `source_prompt`; NULL for the same.
ALTER TABLE jobs ADD COLUMN source_model_prompt TEXT;
