"""The program in the cloud: it holds the assistant, the catalog and the customers of many shops."""
