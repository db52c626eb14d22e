//! Where a party's data lie: schemas, selections, and reading columns from files and databases.
