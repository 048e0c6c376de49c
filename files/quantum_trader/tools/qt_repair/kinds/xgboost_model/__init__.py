"""An XGBoost model."""
