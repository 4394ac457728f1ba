DROP TABLE recycle.searches;
