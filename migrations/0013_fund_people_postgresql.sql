-- Whoever takes a step of the restricted fund is somebody of the institution, and nobody of an earlier step in other
-- letters or with blanks (see second_person in 0005).
CREATE TRIGGER fund_grant_recorded_by_another BEFORE UPDATE OF recorded_by ON fund_grant
  FOR EACH ROW EXECUTE FUNCTION second_person('recorded_by', 'applied_by');
CREATE TRIGGER fund_request_department_is_another BEFORE UPDATE OF department_by ON fund_request
  FOR EACH ROW EXECUTE FUNCTION second_person('department_by', 'asked_by');
CREATE TRIGGER fund_request_grounded_by_another BEFORE UPDATE OF grounded_by ON fund_request
  FOR EACH ROW EXECUTE FUNCTION second_person('grounded_by', 'asked_by');
CREATE TRIGGER fund_request_finance_is_another BEFORE UPDATE OF finance_by ON fund_request
  FOR EACH ROW EXECUTE FUNCTION second_person('finance_by', 'asked_by');
CREATE TRIGGER fund_request_finance_is_a_third BEFORE UPDATE OF finance_by ON fund_request
  FOR EACH ROW EXECUTE FUNCTION second_person('finance_by', 'department_by');
CREATE TRIGGER fund_request_payer_is_another BEFORE UPDATE OF paid_by ON fund_request
  FOR EACH ROW EXECUTE FUNCTION second_person('paid_by', 'finance_by');
